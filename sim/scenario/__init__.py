"""Floor 2: scenario files, what they may say, and the plan an engine may see."""
