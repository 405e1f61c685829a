# Fisher's exact test, and the exact test of discordant pairs (McNemar); usage Rscript tables.R DATA SETS
a <- commandArgs(TRUE)
d <- read.csv(a[1])
fisher <- function(x1, n1, x0, n0) fisher.test(matrix(c(x1, n1 - x1, x0, n0 - x0), 2))$p.value
pairs <- function(gained, lost) if (gained + lost) binom.test(gained, gained + lost)$p.value else 1
out <- data.frame(set = d$set, fisher_p = sprintf("%.16g", mapply(fisher, d$x1, d$n1, d$x0, d$n0)),
  mcnemar_p = sprintf("%.16g", mapply(pairs, d$gained, d$lost)))
write.csv(out, a[2], row.names = FALSE, quote = FALSE)
cat(sprintf("%d tables\n", nrow(out)))
cat(R.version.string, "| stats", format(packageVersion("stats")), "|", R.version$platform, "\n")
