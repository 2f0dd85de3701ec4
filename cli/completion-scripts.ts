export type Shell = keyof typeof COMPLETION_SCRIPTS;

/**
 * The shells only ask; `lockstep __complete -- WORDS…` answers, one candidate a line. No candidate means a file name.
 * Paths hold colons, at which bash splits words: there the word is taken from the line, and what stands before its
 * last colon is cut from the candidates.
 */
export const COMPLETION_SCRIPTS = {
  bash: `# bash completion for lockstep
_lockstep() {
  local line="\${COMP_LINE:0:COMP_POINT}" words word before
  read -r -a words <<< "$line"
  [[ "$line" == *[[:space:]] ]] && words+=("")
  word="\${words[\${#words[@]}-1]}"
  mapfile -t COMPREPLY < <(lockstep __complete -- "\${words[@]:1}" 2>/dev/null)
  if [[ "$word" == *:* && "$COMP_WORDBREAKS" == *:* ]]; then
    before="\${word%"\${word##*:}"}"
    COMPREPLY=("\${COMPREPLY[@]#"$before"}")
  fi
  [[ "\${COMPREPLY[0]-}" == */* || "$word" == */* ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -o default -F _lockstep lockstep
`,
  zsh: `#compdef lockstep
# zsh completion for lockstep
_lockstep() {
  local -a candidates
  candidates=("\${(@f)$(lockstep __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  candidates=(\${candidates:#})
  if (( \${#candidates} )); then
    compadd -- "\${candidates[@]}"
  else
    _files
  fi
}
if [[ "\${funcstack[1]}" == _lockstep ]]; then
  _lockstep "$@"
else
  compdef _lockstep lockstep
fi
`,
  fish: `# fish completion for lockstep
function __lockstep_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    lockstep __complete -- $before[2..-1] "$current" 2>/dev/null
end
complete -c lockstep -f -a '(__lockstep_complete)'
complete -c lockstep -n '__fish_seen_subcommand_from apply import mirror certs' -F
`,
} as const;
