# J2 by hand: exponential times, survival::survdiff; usage Rscript j2_survdiff.R TRIALS SEED; start-up is not timed
suppressMessages(library(survival))
a <- commandArgs(TRUE); n <- as.integer(a[1]); set.seed(as.integer(a[2]))
one <- function() {
  N <- 200; trt <- rep(0:1, each = 100); c <- pmin(2.5 - runif(N), rexp(N, .1)); t <- rexp(N, ifelse(trt == 1, .42, .6))
  d <- as.integer(t <= c); t <- pmin(t, c)
  survdiff(Surv(t, d) ~ trt)$chisq
}
warm <- replicate(20, one()) # R compiles its own functions on their second call
begun <- proc.time()[3]; r <- replicate(n, one()); seconds <- proc.time()[3] - begun
cat(sprintf('{"trials": %d, "seconds": %.3f, "trials_per_s": %.2f, "power": %.4f}\n', n, seconds, n / seconds,
  mean(r > 3.841459)))
