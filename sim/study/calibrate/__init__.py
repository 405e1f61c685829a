"""Fits the free parameters of the default population to published figures, in groups that can be fitted apart.

`python -m sim.study.calibrate` does it all again and writes `sim/evidence/population.json` (values and errors),
`sim/evidence/population_cloud.csv` (populations of new studies) and `docs/calibration.log`.
"""
