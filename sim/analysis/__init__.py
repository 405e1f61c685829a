"""One trial's data in, one `Estimate` out: the analyses a trial statistician would run.

Rooms: `estimate` (what an analysis answers, and the named outcomes), `arrays` (checks on columns), `negbin`, `binary`,
`ancova`, `before_after` (the analyses), `methods` (which endpoint is analysed how). Nothing here knows a scenario or an
engine; all inputs are one-dimensional numpy arrays. Import from the rooms; this package stays light.
"""
