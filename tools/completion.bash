# Written by `malus help --completion`: change the tables in src/cli.
_malus() {
    local cur=${COMP_WORDS[COMP_CWORD]}
    local first=${COMP_WORDS[1]} second=${COMP_WORDS[2]}
    if [ "$COMP_CWORD" = 1 ]; then
        COMPREPLY=($(compgen -W "party room data budget query train explain job verify receipt attest node status peer log dev bench help version" -- "$cur"))
        return
    fi
    case "$first $second" in
    "party init"*) set -- --state --json --help ;;
    "party show"*) set -- --state --json --help ;;
    "room check"*) set -- --learn --json --help ;;
    "room sign"*) set -- --out --state --json --help ;;
    "room verify"*) set -- --json --help ;;
    "room open"*) set -- --state --json --help ;;
    "room ls"*) set -- --state --json --help ;;
    "room show"*) set -- --canonical --state --json --help ;;
    "room withdraw"*) set -- --reason --state --json --help ;;
    "data add"*) set -- --room --format --null --strict --dry-run --state --json --help ;;
    "data ls"*) set -- --state --json --help ;;
    "data check"*) set -- --room --state --json --help ;;
    "data rm"*) set -- --room --version --state --json --help ;;
    "data share"*) set -- --room --out --state --json --help ;;
    "data receive"*) set -- --room --state --json --help ;;
    "data refresh"*) set -- --room --state --json --help ;;
    "budget"*) set -- --state --json --help ;;
    "query"*) set -- --epsilon --purpose --fresh --receipt --csv --timeout --prenoise --state --json --help ;;
    "train"*) set -- --model --predict --steps --ridge --trees --depth --bins --rate --smooth --delta --explain --epsilon --purpose --fresh --receipt --csv --prenoise --timeout --state --json --help ;;
    "explain"*) set -- --epsilon --purpose --prenoise --state --json --help ;;
    "job ls"*) set -- --state --json --help ;;
    "job cancel"*) set -- --room --state --json --help ;;
    "job resume"*) set -- --room --receipt --csv --timeout --state --json --help ;;
    "verify"*) set -- --json --help ;;
    "receipt redact"*) set -- --out --json --help ;;
    "attest verify"*) set -- --evidence --endorsement --anchor --time --kind --nonce --json --help ;;
    "attest check"*) set -- --json --help ;;
    "node"*) set -- --listen --threads --step --memory --state --json --help ;;
    "node stop"*) set -- --state --json --help ;;
    "status"*) set -- --state --json --help ;;
    "peer set"*) set -- --state --json --help ;;
    "peer ls"*) set -- --state --json --help ;;
    "log"*) set -- --last --state --json --help ;;
    "dev up"*) set -- --dir --json --help ;;
    "dev down"*) set -- --dir --rm --json --help ;;
    "dev ls"*) set -- --dir --json --help ;;
    "bench"*) set -- --rows --threads --only --cases --security --state --json --help ;;
    "help"*) set -- --man --completion --json --help ;;
    "version"*) set -- --json --help ;;
    *) set -- ;;
    esac
    case $cur in
    --*) COMPREPLY=($(compgen -W "$*" -- "$cur")) ;;
    *) COMPREPLY=($(compgen -f -- "$cur")) ;;
    esac
}
complete -o filenames -F _malus malus
