#!/bin/sh
# check-elf.sh FILE...: each file must be an addon that loads on glibc and musl alike: it needs no library by name, no symbol version, and
# imports nothing but Node-API and the C functions listed here, which both libraries have. No file at all is a failure too.
set -eu

# The weak ones (_ITM_*, __gmon_start__, __cxa_finalize) come from the compiler's start-up files.
allowed='abort free malloc memcpy memmove memset memcmp strlen strnlen strcmp syscall __errno_location __cxa_finalize __gmon_start__ _ITM_deregisterTMCloneTable _ITM_registerTMCloneTable'

[ "$#" -gt 0 ] || { echo 'check-elf: no file given' >&2; exit 1; }
status=0
complain() { echo "check-elf: $1" >&2; status=1; }

for file in "$@"; do
  [ -f "$file" ] || { complain "$file: no such file"; continue; }
  dynamic=$(readelf -dW "$file")
  case $dynamic in *'Dynamic section'*) ;; *) complain "$file: no dynamic section"; continue ;; esac
  if echo "$dynamic" | grep -E 'NEEDED|VERNEED|RPATH|RUNPATH|TEXTREL'; then complain "$file: depends on a library"; fi
  symbols=$(nm -D "$file")
  echo "$symbols" | grep -q ' T napi_register_module_v1$' || complain "$file: no napi_register_module_v1"
  exported=$(echo "$symbols" | awk '$(NF-1) ~ /^[TDBRVW]$/ && NF == 3 { print $NF }' | sort | xargs)
  [ "$exported" = 'napi_register_module_v1 node_api_module_get_api_version_v1' ] || complain "$file: exports $exported"
  for symbol in $(echo "$symbols" | awk '$(NF-1) ~ /^[Uwv]$/ { print $NF }'); do
    case $symbol in napi_*) continue ;; esac
    case " $allowed " in *" $symbol "*) ;; *) complain "$file: imports $symbol" ;; esac
  done
  if readelf -SW "$file" | grep -qE '\.(debug_|symtab)'; then complain "$file: not stripped"; fi
  if readelf -lW "$file" | grep 'GNU_STACK' | grep -q 'RWE'; then complain "$file: executable stack"; fi
done
exit "$status"
