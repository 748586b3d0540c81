"""How far Homing can be believed: what it says beside what was published, and what that was used for."""
