# Negative binomial regression by maximum likelihood; usage Rscript negbin.R DATA SETS TERMS
# MASS::glm.nb, and from its answer on Newton's method for coefficients and dispersion k together (Var = mu + k mu^2),
# with the analytic second derivatives, until the step is lost in rounding. At the maximum: standard errors from the
# observed joint information, from the expected one, and two sandwiches; tests of the arm against the fit without it.
# A sum of (y - mu)^2 - y that is not above 0 at the Poisson fit: dispersion at its boundary (Lawless 1987), Poisson.
suppressMessages(library(MASS))
a <- commandArgs(TRUE)

# log(1 + x) - x / (1 + x), and -2 log(1 + x) + 2 x / (1 + x) + x^2 / (1 + x)^2, with all their digits at small x
terms <- 2:40
gap <- function(x) ifelse(x < 0.1,
  colSums(outer(terms, x, function(n, x) (-1)^n * (n - 1) / n * x^n)), log1p(x) - x / (1 + x))
gap2 <- function(x) ifelse(x < 0.1,
  colSums(outer(terms, x, function(n, x) (-1)^n * (n - 1) * (n - 2) / n * x^n)),
  -2 * log1p(x) + 2 * x / (1 + x) + (x / (1 + x))^2)
below <- function(y, f) vapply(y, function(m) if (m > 0) sum(f(seq_len(m) - 1)) else 0, 0)

loglik <- function(y, mu, k) {
  tail <- if (k > 0) (y + 1 / k) * log1p(k * mu) else mu
  sum(below(y, function(j) log1p(k * j)) + y * log(mu) - tail - lgamma(y + 1))
}
# each patient's derivative by the coefficients and by k
scores <- function(y, X, mu, k) cbind(X * ((y - mu) / (1 + k * mu)),
  below(y, function(j) j / (1 + k * j)) + gap(k * mu) / k^2 - y * mu / (1 + k * mu))
observed <- function(y, X, mu, k) {
  bb <- crossprod(X, X * (mu * (1 + k * y) / (1 + k * mu)^2))
  bk <- colSums(X * ((y - mu) * mu / (1 + k * mu)^2))
  kk <- sum(below(y, function(j) (j / (1 + k * j))^2) - gap2(k * mu) / k^3 - y * (mu / (1 + k * mu))^2)
  rbind(cbind(bb, bk), c(bk, kk))
}
expected <- function(X, mu, k) crossprod(X, X * (mu / (1 + k * mu)))

polish <- function(y, X, years, b, k) {
  p <- ncol(X); at <- c(b, k); last <- Inf; mean <- function(v) drop(years * exp(X %*% v[1:p]))
  for (i in 1:200) {
    mu <- mean(at); k <- at[p + 1]
    g <- colSums(scores(y, X, mu, k)); A <- observed(y, X, mu, k)
    upwards <- min(eigen(A, TRUE, TRUE)$values) > 0
    step <- if (upwards) solve(A, g) else g / diag(abs(A) + diag(p + 1))
    size <- sum(g * step)
    if (upwards && size < 1e-16 && size >= last) break
    last <- if (upwards) size else Inf
    share <- 1
    while (at[p + 1] + share * step[p + 1] <= 0 || (upwards == FALSE || size > 1e-12) &&
      loglik(y, mean(at + share * step), at[p + 1] + share * step[p + 1]) < loglik(y, mu, k)) {
      share <- share / 2
      if (share < 1e-12) stop("no way up")
    }
    at <- at + share * step
  }
  mu <- mean(at)
  list(b = at[1:p], k = at[p + 1], mu = mu, loglik = loglik(y, mu, at[p + 1]), decrement = last, steps = i)
}

maximum <- function(y, X, years) {
  poisson <- glm.fit(X, y, offset = log(years), family = poisson(), control = glm.control(1e-14, 100))
  mu <- poisson$fitted.values
  if (sum((y - mu)^2 - y) <= 0) {
    return(list(b = poisson$coefficients, k = 0, mu = mu, loglik = loglik(y, mu, 0), decrement = 0, steps = 0,
      theta = NA, glmnb = rep(NA, 2), told = ""))
  }
  told <- character()
  fit <- withCallingHandlers(glm.nb(y ~ X - 1 + offset(log(years)), control = glm.control(maxit = 100)),
    warning = function(w) { told <<- unique(c(told, conditionMessage(w))); invokeRestart("muffleWarning") })
  found <- polish(y, X, years, coef(fit), min(1 / fit$theta, 20))
  arm <- if (ncol(X) > 1) summary(fit)$coefficients[2, 1:2] else rep(NA, 2)
  c(found, list(theta = fit$theta, glmnb = arm, told = paste(gsub("[,;]", " ", told), collapse = "; ")))
}

errors <- function(y, X, f) { # standard errors: observed joint, expected, sandwich of both, sandwich of coefficients
  p <- ncol(X); E <- solve(expected(X, f$mu, f$k))
  if (f$k == 0) {
    S <- crossprod(X * (y - f$mu))
    s <- sqrt(diag(E %*% S %*% E))
    return(cbind(sqrt(diag(E)), sqrt(diag(E)), s, s))
  }
  A <- solve(observed(y, X, f$mu, f$k)); S <- crossprod(scores(y, X, f$mu, f$k))
  cbind(sqrt(diag(A)), c(sqrt(diag(E)), NA), sqrt(diag(A %*% S %*% A)),
    c(sqrt(diag(E %*% S[1:p, 1:p] %*% E)), NA))
}

score_test <- function(y, X, none) { # of the arm, at the fit without it
  u <- colSums(X * ((y - none$mu) / (1 + none$k * none$mu)))
  by_expected <- sum(u * solve(expected(X, none$mu, none$k), u))
  A <- observed(y, X, none$mu, none$k)
  by_observed <- if (none$k > 0) sum(c(u, 0) * solve(A, c(u, 0))) else by_expected
  c(by_expected, by_observed)
}

digits <- function(x) ifelse(is.na(x), "", sprintf("%.16g", x))

one <- function(d) {
  X <- cbind(1, d$treated)
  names <- c("intercept", "arm")
  if (any(d$stratum != 1)) {
    X <- cbind(X, d$stratum == 2, d$stratum == 3, d$baseline)
    names <- c(names, "stratum_2", "stratum_3", "baseline")
  }
  full <- maximum(d$y, X, d$years); none <- maximum(d$y, X[, -2, drop = FALSE], d$years)
  chisq <- max(2 * (full$loglik - none$loglik), 0)
  score <- score_test(d$y, X, none)
  if (full$told != "" || none$told != "") {
    cat(sprintf("set %d: glm.nb warned: %s | without the arm: %s\n", d$set[1], full$told, none$told))
  }
  boundary <- full$k == 0
  list(
    sets = data.frame(set = d$set[1], n = nrow(d), events = sum(d$y), terms = ncol(X),
      outcome = if (boundary) "boundary_poisson" else "ok", outcome_without = if (none$k == 0) "boundary_poisson" else "ok",
      glmnb_arm = digits(full$glmnb[1]), glmnb_se = digits(full$glmnb[2]), glmnb_theta = digits(full$theta),
      loglik = digits(full$loglik), loglik_without = digits(none$loglik), lr_chisq = digits(chisq),
      lr_p = digits(pchisq(chisq, 1, lower.tail = FALSE)), score_expected = digits(score[1]),
      score_observed = digits(score[2]), decrement = sprintf("%.1e", full$decrement)),
    terms = data.frame(set = d$set[1], term = c(names, if (!boundary) "dispersion"),
      estimate = digits(c(full$b, if (!boundary) full$k)), matrix(digits(errors(d$y, X, full)), ncol = 4)))
}

answers <- lapply(split(d <- read.csv(a[1]), d$set), one)
sets <- do.call(rbind, lapply(answers, `[[`, "sets")); terms_out <- do.call(rbind, lapply(answers, `[[`, "terms"))
names(terms_out)[4:7] <- c("se_observed", "se_expected", "se_sandwich", "se_sandwich_coefficients")
write.csv(sets, a[2], row.names = FALSE, quote = FALSE)
write.csv(terms_out, a[3], row.names = FALSE, quote = FALSE)
theta <- as.numeric(sets$glmnb_theta); arm <- terms_out[terms_out$term == "arm", ]
gap_arm <- abs(as.numeric(sets$glmnb_arm) - as.numeric(arm$estimate))
cat(sprintf("%d data sets, %d at the boundary; glm.nb's arm coefficient differs from the polished one by at most %.1e,\n",
  nrow(sets), sum(sets$outcome != "ok"), max(gap_arm, na.rm = TRUE)))
cat(sprintf("its standard error from the expected one by at most %.1e (relative)\n",
  max(abs(as.numeric(sets$glmnb_se) / as.numeric(arm$se_expected) - 1), na.rm = TRUE)))
cat(R.version.string, "| MASS", format(packageVersion("MASS")), "|", R.version$platform, "\n")
