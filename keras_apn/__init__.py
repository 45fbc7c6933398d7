"""Adversarial PoseNet (Chen et al., ICCV 2017): networks, training, metrics and the programs around them."""
