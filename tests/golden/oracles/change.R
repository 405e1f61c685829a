# Paired t test of all patients, and change ~ baseline + arm by least squares; usage Rscript change.R DATA SETS
a <- commandArgs(TRUE)
digits <- function(x) sprintf("%.16g", x)

one <- function(d) {
  t <- t.test(d$after, d$before, paired = TRUE)
  fit <- lm(I(after - before) ~ before + treated, d)
  arm <- summary(fit)$coefficients["treated", ]
  bounds <- confint(fit)["treated", ]
  data.frame(set = d$set[1], n = nrow(d), t_mean = digits(t$estimate), t_se = digits(t$stderr), t_lower = digits(t$conf.int[1]),
    t_upper = digits(t$conf.int[2]), t_p = digits(t$p.value), ancova_arm = digits(arm[1]), ancova_se = digits(arm[2]),
    ancova_lower = digits(bounds[1]), ancova_upper = digits(bounds[2]), ancova_p = digits(arm[4]))
}

out <- do.call(rbind, lapply(split(d <- read.csv(a[1]), d$set), one))
write.csv(out, a[2], row.names = FALSE, quote = FALSE)
cat(sprintf("%d data sets\n", nrow(out)))
cat(R.version.string, "| stats", format(packageVersion("stats")), "|", R.version$platform, "\n")
