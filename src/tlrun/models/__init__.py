"""The network: backbone φ, heads w, and structures of them."""
