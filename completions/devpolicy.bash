# bash completion for devpolicy; the candidates come from the program itself.
_devpolicy() {
  local line=${COMP_LINE:0:COMP_POINT} current word cut
  local -a words
  read -ra words <<<"$line"
  # A blank at the end begins a new word.
  [[ $line == *[[:space:]] ]] && words+=('')
  current=${words[${#words[@]} - 1]}
  COMPREPLY=()
  while IFS=$'\t' read -r word _; do
    case $word in
      @files) compopt -o default ;;
      @dirs) compopt -o dirnames ;;
      *) COMPREPLY+=("$word") ;;
    esac
  done < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
  # Readline splits words at ":" and "=" and replaces only what follows the last of them.
  if [[ $current == *[:=]* ]]; then
    cut=${current%"${current##*[:=]}"}
    COMPREPLY=("${COMPREPLY[@]#"$cut"}")
  fi
}
complete -F _devpolicy devpolicy
