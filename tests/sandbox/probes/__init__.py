"""One look at the stand-in per switch: what is seen with the switch as it is, and with it thrown, must differ."""
