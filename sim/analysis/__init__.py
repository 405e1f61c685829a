"""One trial's data in, one `Estimate` out: the analyses a trial statistician would run.

Rooms: `estimate` (what an analysis answers, and the named outcomes), `arrays` (checks on columns), `negbin`, `binary`,
`ancova`, `before_after` (the analyses, from one-dimensional arrays, knowing no scenario), `negbin_statsmodels` and
`negbin_near_poisson` (how the negative binomial maximum is found), `trial`
(a scenario's endpoints on one trial's data). Import from the rooms; this package stays light.
"""
