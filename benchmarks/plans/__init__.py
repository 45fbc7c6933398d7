"""What large trainings take, by measured costs and arithmetic."""
