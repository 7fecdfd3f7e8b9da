# SPDX-License-Identifier: MIT
# Completion of the quire command for bash.

_quire()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local commands options

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		# The command says itself what it can do; without it, what every build has.
		commands=$(command quire --help 2>/dev/null | sed -n '/^commands:/,$s/^  \([a-z]*\) .*/\1/p')
		COMPREPLY=($(compgen -W "${commands:-explain help} --help --version" -- "$current"))
		return
	fi
	case $previous in
	--arch)
		COMPREPLY=($(compgen -W 'x86_64 i386 arm arm-lpae arm64 riscv64' -- "$current"))
		return
		;;
	--profile)
		COMPREPLY=($(compgen -W 'linux-2.4 linux-2.6 linux-4.14 linux-6' -- "$current"))
		return
		;;
	--color)
		COMPREPLY=($(compgen -W 'auto always never' -- "$current"))
		return
		;;
	--mode)
		COMPREPLY=($(compgen -W 'user kernel' -- "$current"))
		return
		;;
	--address | --pc | --sp)
		return
		;;
	esac
	case ${COMP_WORDS[1]} in
	help)
		commands=$(command quire --help 2>/dev/null | sed -n '/^commands:/,$s/^  \([a-z]*\) .*/\1/p')
		COMPREPLY=($(compgen -W "${commands:-explain}" -- "$current"))
		return
		;;
	explain)
		options='--long --brief --arch --profile --symbols --json --color --releases --address --mode --ifsr --pc --sp --help'
		;;
	*)
		# Other commands list their options in their help.
		options=$(command quire help "${COMP_WORDS[1]}" 2>/dev/null | grep -o -- '--[a-z][a-z-]*' | sort -u)
		;;
	esac
	if [[ $current == -* ]]; then
		COMPREPLY=($(compgen -W "$options" -- "$current"))
	else
		COMPREPLY=($(compgen -f -- "$current"))
	fi
}

complete -o filenames -F _quire quire
