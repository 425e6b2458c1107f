"""The lines by which bash, zsh and fish ask tl-run what a word may become.

Each hands over the line up to the cursor in COMP_LINE, and is given whole words, one a line. A word
that ends in =, . or / is gone on with; after any other a space is set.
"""

from __future__ import annotations

# bash breaks words at = and :, and wants only what stands after the last of them.
BASH = """\
_tl_run() {
    local IFS=$'\\n' line=${COMP_LINE:0:COMP_POINT} word=${COMP_WORDS[COMP_CWORD]} whole offers
    COMPREPLY=()
    offers=$(COMP_LINE=$line COMP_POINT=${#line} \\
        "${1/#\\~/$HOME}" --shell-completion query=bash 2>/dev/null </dev/null) || return 0
    case $word in =|:) word= ;; esac
    word=${word:0:COMP_POINT}
    whole=${line##*[[:space:]]}
    COMPREPLY=($offers)
    COMPREPLY=("${COMPREPLY[@]#"${whole%"$word"}"}")
    if [ ${#COMPREPLY[@]} -eq 1 ]; then
        case ${COMPREPLY[0]} in *=|*.|*/) compopt -o nospace 2>/dev/null ;; esac
    fi
    return 0
}
complete -o bashdefault -F _tl_run tl-run"""
ZSH = """\
_tl_run() {
    local line offer
    local -a offers going whole
    line="${(j: :)words[1,CURRENT-1]} $PREFIX"
    offers=("${(@f)$(COMP_LINE=$line COMP_POINT=${#line} \\
        ${(Q)words[1]} --shell-completion query=zsh 2>/dev/null </dev/null)}")
    for offer in $offers; do
        case $offer in "") ;; *=|*.|*/) going+=("$offer") ;; *) whole+=("$offer") ;; esac
    done
    (( $#going )) && compadd -Q -S '' -a going
    (( $#whole )) && compadd -Q -a whole
    return 0
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _tl_run tl-run"""
FISH = """\
function __tl_run_offers
    set -l line (commandline -cp | string collect)
    set -l command (commandline -opc)[1]
    COMP_LINE=$line COMP_POINT=(string length -- $line) \\
        $command --shell-completion query=fish 2>/dev/null </dev/null
end
complete -c tl-run -f -a '(__tl_run_offers)'"""
INSTALL = {"bash": BASH, "zsh": ZSH, "fish": FISH}
UNINSTALL = {
    "bash": "complete -r tl-run 2>/dev/null; unset -f _tl_run",
    "zsh": "compdef -d tl-run; unfunction _tl_run 2>/dev/null",
    "fish": "complete -c tl-run -e; functions -e __tl_run_offers",
}
