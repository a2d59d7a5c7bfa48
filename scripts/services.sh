# shellcheck shell=bash disable=SC2034
# Written by `make services` from services.yaml; changes made here are lost.
# every service
services=(gateway auth user product notification)
# the same, callees before their callers
starts=(notification user product auth gateway)
# those with a database
databases=(auth user product notification)
# those with a user at Redis
caches=(gateway auth product)
# those with a user at the broker
brokers=(auth user product notification)
# sections of the configuration with an address to listen at
listeners=(gateway.http gateway.admin auth.grpc auth.admin user.grpc user.admin product.grpc product.admin notification.admin)
# caller.callee
calls=(gateway.auth gateway.user gateway.product auth.user)
