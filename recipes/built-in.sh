#!/usr/bin/env bash
# The models that come with the package, from labelled pictures to the packaged files: about two and a half hours on
# two cores with bf16.
#
#     DATA=data OUT=built-in bash recipes/built-in.sh
#
# `make models DATA=FOLDER` also gathers photographs, renders synthetic cars, and writes the models into the package.
# The same command again continues where it stopped and ends in the same files.
set -efuo pipefail

DATA=${DATA:-data}              # Kaggle's folder: train/, train_masks/
RUNS=${RUNS:-runs}              # gets a folder for every training
OUT=${OUT:-built-in}            # where the packaged models go
# more options of all trainings, such as --set augment.background_folder=FOLDER for cars before photographs, and
# --set split.extra_folders=["FOLDER"] for cars of other studios
TRAINING=${TRAINING-}
NOTE="Kaggle's Carvana Image Masking Challenge (competition data, not passed on), cars before other backgrounds among \
them, and 12 synthetic cars; encoder from EfficientNet-Lite0's ImageNet weights (Apache-2.0); see MODEL_CARD.md"

once() { [ -e "$1" ] || "${@:2}"; }  # once FILE COMMAND: run the command unless it has written its last file

mkdir -p "$RUNS"
# wait for a step of an interrupted call that still runs
exec 9>> "$RUNS/built-in.lock"
if command -v flock > /dev/null; then flock 9; fi

carvanamask data check --data "$DATA"
carvanamask train --config studio-s --name studio-s $TRAINING --data "$DATA" --runs "$RUNS"
carvanamask train --config studio-m-832 --model studio-s --name studio-m-832 --set input.coarse_model="$RUNS/studio-s/model" $TRAINING --data "$DATA" --runs "$RUNS"
carvanamask train --config studio-m --model studio-m-832 --name studio-m --set input.coarse_model="$RUNS/studio-s/model" $TRAINING --data "$DATA" --runs "$RUNS"
carvanamask export --model "$RUNS/studio-s/model" --precision int8-weights --note "$NOTE" --out "$OUT/studio-s" --runs "$RUNS"
carvanamask export --model "$RUNS/studio-m/model" --precision int8-weights --note "$NOTE" --out "$OUT/studio-m" --runs "$RUNS"
once "$RUNS/studio-s/packaged/threshold.csv" carvanamask eval --model "$OUT/studio-s" --out "$RUNS/studio-s/packaged" --size 4 --data "$DATA" --runs "$RUNS"
once "$RUNS/studio-m/packaged/threshold.csv" carvanamask eval --model "$OUT/studio-m" --out "$RUNS/studio-m/packaged" --size 10 --data "$DATA" --runs "$RUNS"
