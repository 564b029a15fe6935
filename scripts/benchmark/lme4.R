# lme4 on tables: what it makes of them and how long it takes, a line of JSON each.
#
# Usage: Rscript lme4.R sleepstudy OUT        writes lme4's own data as mixed_data.py writes tables
#        Rscript lme4.R fit TABLE REPEATS     all columns but group and y are fixed and random effects
#
# The times of a call: all of it, and without reading the formula and making the model's matrices.
suppressPackageStartupMessages(library(lme4))

timed <- function(run, repeats) {
  seconds <- numeric(repeats)
  worked <- proc.time()
  for (k in seq_len(repeats)) {
    began <- Sys.time()
    run()
    seconds[k] <- as.numeric(difftime(Sys.time(), began, units = "secs"))
  }
  worked <- proc.time() - worked
  c(median(seconds), (worked[[1]] + worked[[2]]) / repeats)
}

fit <- function(table, repeats) {
  columns <- setdiff(names(table), c("group", "y"))
  terms <- paste(columns, collapse = " + ")
  for (covariance in c("diagonal", "full")) for (reml in c(FALSE, TRUE)) {
    bar <- if (covariance == "full") "|" else "||"
    formula <- as.formula(sprintf("y ~ 0 + %s + (0 + %s %s group)", terms, terms, bar))
    model <- lmer(formula, table, REML = reml)
    parts <- lFormula(formula, table, REML = reml)
    bare <- function() {
      deviance <- do.call(mkLmerDevfun, parts)
      best <- optimizeLmer(deviance, calc.derivs = FALSE)
      mkMerMod(environment(deviance), best, parts$reTrms, fr = parts$fr)
    }
    whole <- timed(function() lmer(formula, table, REML = reml), repeats)
    inner <- timed(bare, repeats)
    cat(sprintf(
      '{"covariance": "%s", "method": "%s", "criterion": %.15g, ', covariance, if (reml) "reml" else "ml",
      -2 * as.numeric(logLik(model))))
    cat(sprintf('"seconds": %.6g, "busy": %.6g, "fit_seconds": %.6g, "fit_busy": %.6g}\n',
      whole[1], whole[2], inner[1], inner[2]))
  }
}

arguments <- commandArgs(trailingOnly = TRUE)
if (arguments[1] == "sleepstudy") {
  reaction <- sprintf("%.17g", sleepstudy$Reaction)
  days <- data.frame(group = sleepstudy$Subject, y = reaction, x0 = 1, x1 = sleepstudy$Days)
  write.table(days, arguments[2], sep = "\t", quote = FALSE, row.names = FALSE)
} else {
  fit(read.delim(arguments[2]), as.integer(arguments[3]))
}
