#!/usr/bin/env bash
# The complete original system, from labelled pictures to a submission, for a GPU:
#
#     DATA=data bash recipes/carvana.sh
#
# The same command again continues where it stopped and ends in the same files. Training options are fixed once a
# training has started: for others, choose another NAME.
set -efuo pipefail  # f: options such as input.size_wh=[192,128] are no file patterns

DATA=${DATA:-data}              # Kaggle's folder: train/, train_masks/, test/, sample_submission.csv
RUNS=${RUNS:-runs}              # gets a folder for every training and ensemble
NAME=${NAME:-carvana}           # the final ensemble; its members are called NAME-second-a and so on
MEMBER_A=${MEMBER_A:---config seed-1024}       # three input sizes with three weights of the boundary
MEMBER_B=${MEMBER_B:---config seed-1344x896}
MEMBER_C=${MEMBER_C:---config seed-1280}
SPLIT=${SPLIT:---set split.folds=5 --set split.fold=0}  # all hold out the same cars, which choose the weights
TRAINING=${TRAINING-}           # more options of every training, such as --set training.batch_size=4
LIMITS=${LIMITS-}               # of pseudo-labels, such as --min-agreement 0.99
# each epoch shows as many test pictures as labelled ones; all of them would be 20 times as many
SECOND_ROUND=${SECOND_ROUND---set training.extra_share=0.5}
CHECK=${CHECK-}                 # --partial if test/ lacks pictures of sample_submission.csv

once() { [ -e "$1" ] || "${@:2}"; }  # once FILE COMMAND: run the command unless it has written its last file

mkdir -p "$RUNS"
# wait for a step of an interrupted call that still runs
exec 9>> "$RUNS/$NAME.lock"
if command -v flock > /dev/null; then flock 9; fi

carvanamask data check --data "$DATA"

# first round: three members, each with its best threshold on the held-out cars
for member in "a $MEMBER_A" "b $MEMBER_B" "c $MEMBER_C"; do
    run=$NAME-first-${member%% *}
    carvanamask train ${member#* } --name "$run" $SPLIT $TRAINING --data "$DATA" --runs "$RUNS"
    once "$RUNS/$run/evaluation/threshold.csv" carvanamask eval --model "$run" --data "$DATA" --runs "$RUNS"
    carvanamask threshold --model "$run" --runs "$RUNS"
done

run=$NAME-first
once "$RUNS/$run/model/card.json" carvanamask ensemble --model "$run-a" --model "$run-b" --model "$run-c" --flip --name "$run" --data "$DATA" --runs "$RUNS"
once "$RUNS/$run/evaluation/threshold.csv" carvanamask eval --model "$run" --data "$DATA" --runs "$RUNS"
carvanamask threshold --model "$run" --runs "$RUNS"

# second round: the same members, which also train on the test pictures that the first members agree on
carvanamask pseudo-label --model "$run-a" --model "$run-b" --model "$run-c" $LIMITS --out "$RUNS/$NAME-labels" --data "$DATA" --runs "$RUNS"
for member in "a $MEMBER_A" "b $MEMBER_B" "c $MEMBER_C"; do
    run=$NAME-second-${member%% *}
    carvanamask train ${member#* } --name "$run" $SPLIT $TRAINING $SECOND_ROUND --extra-labels "$RUNS/$NAME-labels/labels.csv" --data "$DATA" --runs "$RUNS"
    once "$RUNS/$run/evaluation/threshold.csv" carvanamask eval --model "$run" --data "$DATA" --runs "$RUNS"
    carvanamask threshold --model "$run" --runs "$RUNS"
done

run=$NAME-second
once "$RUNS/$NAME/model/card.json" carvanamask ensemble --model "$run-a" --model "$run-b" --model "$run-c" --flip --name "$NAME" --data "$DATA" --runs "$RUNS"
once "$RUNS/$NAME/evaluation/threshold.csv" carvanamask eval --model "$NAME" --data "$DATA" --runs "$RUNS"
carvanamask threshold --model "$NAME" --runs "$RUNS"

carvanamask compare "$NAME" "$NAME-first" "$run-a" "$run-b" "$run-c" --out "$RUNS/$NAME/comparison.png" --runs "$RUNS"
carvanamask submit --model "$NAME" --data "$DATA" --runs "$RUNS"
carvanamask submission check "$RUNS/$NAME/submission.csv.gz" $CHECK --data "$DATA"
