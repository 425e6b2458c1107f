"""The one loop, and what it needs: losses, optimizers, evaluation."""
