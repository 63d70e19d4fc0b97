"""placeholder"""
NUM_FEAT, NUM_CONV = 32, 8
