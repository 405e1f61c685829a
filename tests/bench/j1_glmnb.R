# J1 by hand: gamma-Poisson counts, MASS::glm.nb; usage Rscript j1_glmnb.R TRIALS SEED; start-up is not timed
suppressMessages(library(MASS))
a <- commandArgs(TRUE); n <- as.integer(a[1]); set.seed(as.integer(a[2]))
one <- function() {
  N <- 200; trt <- rep(0:1, each = 100); ent <- runif(N); fu <- pmin(2, 2.5 - ent, rexp(N, 0.1)); k <- 0.6
  y <- rpois(N, rgamma(N, 1 / k, scale = k) * ifelse(trt == 1, .42, .6) * fu)
  summary(suppressWarnings(glm.nb(y ~ trt + offset(log(fu)))))$coefficients[2, 4]
}
p <- function(n) replicate(n, tryCatch(one(), error = function(e) NA))
warm <- p(20) # R compiles its own functions on their second call
begun <- proc.time()[3]; r <- p(n); seconds <- proc.time()[3] - begun
cat(sprintf('{"trials": %d, "seconds": %.3f, "trials_per_s": %.2f, "power": %.4f}\n', n, seconds, n / seconds,
  sum(r < .05, na.rm = TRUE) / n))
