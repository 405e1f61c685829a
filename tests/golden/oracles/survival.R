# Log-rank test and Cox regression with Efron's ties; usage Rscript survival.R DATA SETS TERMS
suppressMessages(library(survival))
a <- commandArgs(TRUE)
digits <- function(x) sprintf("%.16g", x)

one <- function(d) {
  test <- survdiff(Surv(time, event) ~ treated, d)
  told <- character()
  covariates <- any(d$stratum != 1)
  formula <- if (covariates) Surv(time, event) ~ treated + (stratum == 2) + (stratum == 3) + baseline else Surv(time, event) ~ treated
  fit <- withCallingHandlers(coxph(formula, d, ties = "efron", control = coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 100)),
    warning = function(w) { told <<- c(told, conditionMessage(w)); invokeRestart("muffleWarning") })
  if (length(told)) cat(sprintf("set %d: coxph warned: %s\n", d$set[1], paste(told, collapse = "; ")))
  names <- c("arm", if (covariates) c("stratum_2", "stratum_3", "baseline"))
  list(
    sets = data.frame(set = d$set[1], n = nrow(d), events = sum(d$event), tied = sum(duplicated(d$time[d$event == 1])),
      observed_minus_expected = digits(test$obs[2] - test$exp[2]), variance = digits(test$var[2, 2]),
      chisq = digits(test$chisq), p = digits(pchisq(test$chisq, 1, lower.tail = FALSE)),
      loglik = digits(fit$loglik[2]), loglik_null = digits(fit$loglik[1]), score_chisq = digits(fit$score),
      monotone = any(grepl("infinite", told))),
    terms = data.frame(set = d$set[1], term = names, estimate = digits(coef(fit)), se = digits(sqrt(diag(vcov(fit))))))
}

answers <- lapply(split(d <- read.csv(a[1]), d$set), one)
sets <- do.call(rbind, lapply(answers, `[[`, "sets"))
write.csv(sets, a[2], row.names = FALSE, quote = FALSE)
write.csv(do.call(rbind, lapply(answers, `[[`, "terms")), a[3], row.names = FALSE, quote = FALSE)
cat(sprintf("%d data sets, %d of them with tied events\n", nrow(sets), sum(sets$tied > 0)))
cat(R.version.string, "| survival", format(packageVersion("survival")), "|", R.version$platform, "\n")
