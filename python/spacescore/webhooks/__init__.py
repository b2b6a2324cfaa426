"""Webhooks: what happens in spaces is told to servers that asked for it.

    acts -> letters, in the transaction of their facts -> tries, until one is answered with 2xx

`endpoints` says who is told and signs (Standard Webhooks, HMAC-SHA256), `letters` makes letters of
acts, `delivery` carries them out. Nothing waits for an endpoint: a space only writes a row. What is
not taken after all tries is dead: it is kept, and the operator may send it again.
"""
