"""Wide self-supervised networks, their tangent kernels, and the solutions that they approach.

After arXiv 2411.11176 (Barlow Twins at infinite width) and arXiv 2403.08673 (contrastive losses, tangent kernels and
principal components).  The formulas are derived and tested here; no theorem of either paper is reproduced.

Everything is float64 unless inputs say otherwise: float32 hides drifts below about 1e-5.
"""
