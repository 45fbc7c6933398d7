"""What others have made, to compare with: loaders, training steps, models."""
