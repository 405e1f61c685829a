# Makes the data sets that the programs of this folder answer; usage Rscript data.R (in this folder)
RNGkind("Mersenne-Twister", "Inversion", "Rejection")

# ---- counts: two arms, then two arms with three strata and a baseline score ----
set.seed(20261122)

exposures <- function(n, kind) {
  years <- switch(kind,
    one = rep(1, n),
    trial = pmin(2, 2.5 - runif(n), rexp(n, 0.1)), # accrual over a year, closed at 2.5 years, dropout
    uneven = exp(runif(n, log(0.01), log(5))))
  pmax(round(years, 4), 0.001)
}

draw_counts <- function(n, share, rate, ratio, k, kind, covariates) {
  repeat {
    treated <- as.integer(seq_len(n) <= round(n * share))
    years <- exposures(n, kind)
    stratum <- if (covariates) sample(1:3, n, TRUE, c(0.5, 0.3, 0.2)) else rep(1, n)
    baseline <- if (covariates) round(2 * rnorm(n, 2.5, 1.2)) / 2 else rep(0, n)
    mean <- rate * years * ratio^treated * exp(0.4 * (stratum == 2) - 0.3 * (stratum == 3) + 0.15 * baseline)
    y <- rpois(n, if (k > 0) rgamma(n, 1 / k, scale = k) * mean else mean)
    if (sum(y[treated == 1]) > 0 && sum(y[treated == 0]) > 0 && all(tapply(y, stratum, sum) > 0) &&
      length(unique(stratum)) == if (covariates) 3 else 1) break
  }
  data.frame(y, years, treated, stratum, baseline)
}

hold <- function(sets) do.call(rbind, lapply(seq_along(sets), function(i) cbind(set = i, sets[[i]])))

sizes <- c(10, 16, 30, 60, 90, 140)
rates <- c(0.08, 0.3, 0.6, 2, 8)
dispersions <- c(0, 0.02, 0.2, 0.6, 1.5, 4)
kinds <- c("one", "trial", "uneven")
counts <- list()
for (i in 1:96) {
  n <- sizes[(i - 1) %% 6 + 1]
  k <- dispersions[((i - 1) %/% 6 + i) %% 6 + 1]
  counts[[i]] <- draw_counts(n, c(0.5, 0.5, 0.3)[i %% 3 + 1], rates[(i %/% 2) %% 5 + 1], c(0.7, 1, 0.4, 1.6)[i %% 4 + 1],
    k, kinds[(i %/% 3) %% 3 + 1], FALSE)
}
for (i in 1:32) {
  counts[[104 + i]] <- draw_counts(c(40, 80, 150)[i %% 3 + 1], 0.5, c(0.4, 0.8, 3)[(i %/% 3) %% 3 + 1], c(0.7, 1, 1.5)[i %% 3 + 1],
    dispersions[i %% 6 + 1], kinds[(i %/% 2) %% 3 + 1], TRUE)
}
# two arms whose counts scatter hardly more than Poisson ones: dispersion near 0, not at its boundary
near_zero <- function(n, rate, most) {
  repeat {
    d <- draw_counts(n, 0.5, rate, 0.7, 0, "trial", FALSE)
    mu <- with(d, years * ave(y, treated, FUN = sum) / ave(years, treated, FUN = sum))
    moment <- sum((d$y - mu)^2 - d$y) / sum(mu^2)
    if (moment > 0.1 * most && moment < most) return(d)
  }
}
for (i in 1:8) counts[[96 + i]] <- near_zero(c(30, 60)[i %% 2 + 1], c(0.6, 2)[(i %/% 2) %% 2 + 1], 10^-(2 + i %/% 3))
write.csv(hold(counts), "negbin_data.csv", row.names = FALSE, quote = FALSE)

# ---- times to a first event ----
set.seed(20261123)

draw_times <- function(n, share, hazard, ratio, grid, covariates) {
  repeat {
    treated <- as.integer(seq_len(n) <= round(n * share))
    stratum <- if (covariates) sample(1:3, n, TRUE, c(0.5, 0.3, 0.2)) else rep(1, n)
    baseline <- if (covariates) round(2 * rnorm(n, 2.5, 1.2)) / 2 else rep(0, n)
    rate <- hazard * ratio^treated * exp(0.5 * (stratum == 2) - 0.4 * (stratum == 3) + 0.2 * (baseline - 2.5))
    event <- rexp(n, rate)
    end <- pmin(2, 2.5 - runif(n), rexp(n, 0.1))
    time <- pmin(event, end)
    time <- if (grid > 0) ceiling(time / grid) * grid else pmax(round(time, 4), 0.0001)
    d <- as.integer(event <= end)
    if (sum(d[treated == 1]) > 0 && sum(d[treated == 0]) > 0 && all(tapply(d, stratum, sum) > 1) &&
      length(unique(stratum)) == if (covariates) 3 else 1) break
  }
  data.frame(time, event = d, treated, stratum, baseline)
}

times <- list()
for (i in 1:72) {
  times[[i]] <- draw_times(c(8, 14, 30, 60, 90, 140)[(i - 1) %% 6 + 1], c(0.5, 0.5, 0.35)[i %% 3 + 1],
    c(0.15, 0.6, 2)[(i %/% 3) %% 3 + 1], c(0.7, 1, 0.3, 2)[i %% 4 + 1], c(0, 0.125, 0.5)[(i %/% 2) %% 3 + 1], FALSE)
}
for (i in 1:30) {
  times[[72 + i]] <- draw_times(c(40, 80, 150)[i %% 3 + 1], 0.5, c(0.4, 0.8, 1.5)[(i %/% 3) %% 3 + 1],
    c(0.7, 1, 1.5)[i %% 3 + 1], c(0, 0.125, 0.5)[(i %/% 2) %% 3 + 1], TRUE)
}
# events of one arm only while nobody of the other is at risk: the hazard ratio is 0 or infinite
for (i in 1:4) {
  n <- c(8, 20)[i %% 2 + 1]
  treated <- as.integer(seq_len(n) <= n / 2)
  late <- if (i > 2) treated else 1 - treated
  event <- rbinom(n, 1, 0.6)
  event[c(1, n)] <- 1
  times[[102 + i]] <- data.frame(time = late + if (i %% 2) round(runif(n, 0.01, 0.99), 3) else sample(1:7, n, TRUE) / 8,
    event, treated, stratum = 1, baseline = 0)
}
write.csv(hold(times), "survival_data.csv", row.names = FALSE, quote = FALSE)

# ---- two-by-two tables: x1 of n1 treated and x0 of n0 controls; pairs that gained and lost ----
set.seed(20261124)
tables <- list()
for (i in 1:80) {
  n1 <- sample(c(2, 5, 9, 12, 20, 47, 100, 180), 1)
  n0 <- if (i %% 2) n1 else sample(c(3, 7, 12, 25, 60, 100), 1)
  x1 <- rbinom(1, n1, runif(1))
  x0 <- if (i %% 5 == 0) n0 - min(x1, n0) else rbinom(1, n0, min(1, max(0, x1 / n1 + rnorm(1, 0, 0.2))))
  changed <- if (i %% 10 == 0) 0 else sample(c(1, 2, 3, 5, 8, 15, 30, 80), 1)
  gained <- rbinom(1, changed, runif(1, 0.2, 0.9))
  tables[[i]] <- data.frame(x1, n1, x0, n0, gained, lost = changed - gained, both = rbinom(1, 30, 0.4),
    neither = 1 + rbinom(1, 30, 0.4))
}
write.csv(hold(tables), "tables_data.csv", row.names = FALSE, quote = FALSE)

# ---- a score before and after, two arms ----
set.seed(20261125)
change <- list()
for (i in 1:40) {
  n <- c(6, 10, 24, 60, 120)[(i - 1) %% 5 + 1]
  treated <- as.integer(seq_len(n) <= round(n * c(0.5, 0.3)[i %% 2 + 1]))
  if (i %% 4 < 2) { # a disability score in half points; a quality-of-life score
    before <- round(2 * rnorm(n, 2.5, 1.2)) / 2
    after <- before + round(2 * rnorm(n, 0.1 - 0.3 * treated, 0.8)) / 2
  } else {
    before <- round(rnorm(n, 55, 12), 2)
    after <- round(20 + 0.7 * before + 3 * treated + rnorm(n, 0, 8), 2)
  }
  change[[i]] <- data.frame(before, after, treated)
}
write.csv(hold(change), "change_data.csv", row.names = FALSE, quote = FALSE)
