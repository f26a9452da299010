"""How well topics find what their subscribers meant, measured on texts judged by reading."""
