"""Structures that words define: conjugate bases, substituted parents, condensation products."""
