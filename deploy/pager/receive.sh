#!/bin/sh
# What Alertmanager sends to its webhooks ends here in compose.yaml: each call becomes a line of `docker compose logs pager`.
# Started by `nc` for each connection, with the request on standard input.
set -eu
read -r method path _
length=0
while read -r name value; do
  value=${value%"$(printf '\r')"}
  case $name in
    [Cc]ontent-[Ll]ength:) length=$value ;;
    "$(printf '\r')" | '') break ;;
  esac
done
body=$(head -c "$length" | tr '\n' ' ')
printf 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
[ "$method" != POST ] || echo "$path $body" >&2
