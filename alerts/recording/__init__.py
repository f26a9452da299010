"""alerts/recording"""
