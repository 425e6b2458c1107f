"""Penalties and distillation terms that equations add to the losses."""
