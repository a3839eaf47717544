#!/usr/bin/env bash
# One size, five folds, for a GPU: every labelled car trains four of the models and scores the fifth.
#
#     DATA=data bash recipes/carvana-folds.sh
#
# No car is held out by all five models, so they have equal weights, and the mean of their five scores is all that is
# known of the ensemble. For three sizes and pseudo-labels see carvana.sh. The same command again continues where it
# stopped and ends in the same files; for other training options, choose another NAME.
set -efuo pipefail

DATA=${DATA:-data}              # Kaggle's folder: train/, train_masks/, test/, sample_submission.csv
RUNS=${RUNS:-runs}              # gets a folder for every training and the ensemble
NAME=${NAME:-carvana-folds}     # the ensemble; its members are called NAME-fold-0 and so on
MEMBER=${MEMBER:---config seed-1024}
TRAINING=${TRAINING-}           # more options of every training, such as --set training.batch_size=4
CHECK=${CHECK-}                 # --partial if test/ lacks pictures of sample_submission.csv

once() { [ -e "$1" ] || "${@:2}"; }  # once FILE COMMAND: run the command unless it has written its last file

mkdir -p "$RUNS"
# wait for a step of an interrupted call that still runs
exec 9>> "$RUNS/$NAME.lock"
if command -v flock > /dev/null; then flock 9; fi

carvanamask data check --data "$DATA"

for fold in 0 1 2 3 4; do
    run=$NAME-fold-$fold
    carvanamask train $MEMBER --name "$run" --set split.folds=5 --set split.fold=$fold $TRAINING --data "$DATA" --runs "$RUNS"
    once "$RUNS/$run/evaluation/threshold.csv" carvanamask eval --model "$run" --data "$DATA" --runs "$RUNS"
    carvanamask threshold --model "$run" --runs "$RUNS"
done

run=$NAME-fold
once "$RUNS/$NAME/model/card.json" carvanamask ensemble --flip --name "$NAME" --model "$run-0" --model "$run-1" --model "$run-2" --model "$run-3" --model "$run-4" --data "$DATA" --runs "$RUNS"
carvanamask submit --model "$NAME" --data "$DATA" --runs "$RUNS"
carvanamask submission check "$RUNS/$NAME/submission.csv.gz" $CHECK --data "$DATA"
