"""Trials' data in, `Estimates` out: the analyses a trial statistician would run, one data set or thousands in a call.

Rooms: `estimate` (what an analysis answers, and the named outcomes), `arrays` (checks on columns), `negbin`, `binary`,
`ancova`, `before_after`, `survival` (the analyses, from one-dimensional arrays, knowing no scenario; each `..._batch`
takes many data sets), `negbin_regression`, `cox_regression` (the same for any covariates), `trial` (a scenario's
endpoints on its cohorts). Each analysis is written once, as a compiled loop over data sets in a `..._kernel` room; the
functions for a single data set are batches of one. Import from the rooms; this package stays light.
"""
