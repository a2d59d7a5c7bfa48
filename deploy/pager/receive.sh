#!/bin/sh
# What Alertmanager sends to its webhooks ends here in compose.yaml: each call becomes a line of `docker compose logs pager`.
# It also serves the runbooks, so that the link in each alert opens its page. Started by `nc` for each connection, with
# the request on standard input.
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
name=${path#/runbooks/}
name=${name%.md}
case $name in *[!A-Za-z]*) name= ;; esac # letters only, so that it leads to no other folder
page=/runbooks/$name.md
if [ "$method $path" = "GET $page" ] && [ -f "$page" ]; then
  printf 'HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n'
  cat "$page"
else
  printf 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
fi
[ "$method" != POST ] || echo "$path $body" >&2
