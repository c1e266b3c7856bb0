"""How are the tests run?"""
