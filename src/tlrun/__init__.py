"""tl-run: which way of transferring helps the target task, how strong (λ), and does it hurt?"""
