"""What a template is: its manifest, overlays, blocks, and where it comes from."""
