"""Live biotherapeutic bacteria and the niche they need."""
