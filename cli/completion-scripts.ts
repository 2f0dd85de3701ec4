export type Shell = keyof typeof COMPLETION_SCRIPTS;

/**
 * The shells only ask; `lockstep __complete` answers, one candidate a line. No candidate means a file name.
 * Paths hold colons, at which bash splits words: there the whole line is handed over, and what stands before the
 * last colon of its word is cut from the candidates, but not inside of quotes, where bash does not split.
 */
export const COMPLETION_SCRIPTS = {
  bash: `# bash completion for lockstep
_lockstep() {
  local line="\${COMP_LINE:0:COMP_POINT}" word before double single
  word="\${line##*[[:space:]]}"
  double=\${line//[^\\"]} single=\${line//[^\\']}
  mapfile -t COMPREPLY < <(lockstep __complete "--line=$line" 2>/dev/null)
  if (( (\${#double} + \${#single}) % 2 == 0 )) && [[ "$word" == *:* && "$COMP_WORDBREAKS" == *:* ]]; then
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
  candidates=("\${(@f)$(lockstep __complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
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
    set -l current (commandline -ct | string trim --left --chars '"\\'')
    lockstep __complete -- $before[2..-1] "$current" 2>/dev/null
end
complete -c lockstep -f -a '(__lockstep_complete)'
complete -c lockstep -n '__fish_seen_subcommand_from apply import mirror certs' -F
`,
} as const;
