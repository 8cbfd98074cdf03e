# fish completion for devpolicy; the candidates come from the program itself.
function __devpolicy_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] complete -- $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case @files
                __fish_complete_path $current
            case @dirs
                __fish_complete_directories $current
            case '*'
                echo $line
        end
    end
end
complete -c devpolicy -f -a '(__devpolicy_complete)'
