"""How is fences.toml read, one module for each of its parts? `syncd.core.policy` puts them together."""
