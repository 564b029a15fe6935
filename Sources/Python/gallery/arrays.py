"""Arrays alone: λ of a multi-task lasso by Stein's unbiased risk estimate."""

import numpy as np

import foci

generator = np.random.default_rng(0)
gain = np.asfortranarray(generator.standard_normal((60, 900)))  # 300 sources of three orientations
sources = np.zeros((900, 20))
sources[[30, 31, 32, 600, 601, 602]] = generator.standard_normal((6, 20))
data = gain @ sources + generator.standard_normal((60, 20))

selection = foci.select(gain, data, "sure", sigma=1.0, groups=3)
print(f"λ = {selection.lambda_ / selection.lambda_max:.2f} λ_max: sources {selection.blocks.tolist()}")

# From there to the few that are each worth more than noise.
refinement = foci.refine(gain, data, sigma=1.0, start=selection.blocks, groups=3)
print(f"worth more than noise: sources {refinement.blocks.tolist()}")
