"""The end of a script: what builds, trains and scores."""

from __future__ import annotations

from tuner.catalog import Task
from tuner.export.exported_recipe import Export
from tuner.export.script import snippets
from tuner.export.script.literals import literal


def training_text(export: Export, function: str) -> str:
    """The functions that build, prepare, score and train, with the recipe's choices in their places."""
    recipe, regression = export.recipe, export.recipe.task is Task.REGRESSION
    head = (
        ""
        if recipe.head in ("model", "linear")
        else f"""    head = keras.layers.Activation({literal(recipe.head)}, name="head", dtype="float32")
    model = keras.Model(model.inputs, head(model.outputs[0]), name=model.name)
"""
    )
    penalty = (
        f"    regularize(model, l1={literal(recipe.l1)}, l2={literal(recipe.l2)})\n" if recipe.l1 or recipe.l2 else ""
    )
    fill = (
        '    x = np.where(np.isnan(x), fitted["fill"], x)\n' if export.splits[0].preprocessing.fill is not None else ""
    )
    scaled = (
        '(rows[f"y_{part}"] - fitted["target_center"]) / fitted["target_scale"]' if regression else 'rows[f"y_{part}"]'
    )
    balance = "    weight = with_class_weights(y, weight)\n" if recipe.class_weight else ""
    schedule = snippets.schedule_text(recipe)
    callbacks = f"[{snippets.folded(schedule)}]" if schedule else "[]"
    steps = "    steps = -(-len(x) // BATCH_SIZE)\n" if schedule and "steps" in schedule else ""
    measure = (
        """
    def measure(trained):
        return score(trained, rows, fitted)

"""
        if schedule and "measure" in schedule
        else ""
    )
    return f'''def make_model():
    """The compiled model; the same seed gives the same initial weights."""
    keras.utils.set_random_seed(SEED)
    initializer = {snippets.initializer_text(recipe)}
    initializer.seed = keras.random.SeedGenerator(SEED)  # draws anew at each use
    model = {snippets.build_text(export, function)}
    if not getattr(model, "inputs", None):
        inputs = keras.Input({literal(export.input_shape)})
        model = keras.Model(inputs, model(inputs), name=model.name)
{penalty}{head}    model.compile(
        optimizer={snippets.folded(snippets.optimizer_text(recipe))},
        loss={snippets.folded(snippets.loss_text(recipe))},
        jit_compile=False,
    )
    return model


def prepare(x, fitted):
    """Rows of the source as the model gets them."""
{fill}    x = ((x - fitted["center"]) / fitted["scale"]).reshape(len(x), *SHAPE)
    return np.ascontiguousarray(x, "float32")


def part_of(rows, part, fitted):
    """Features, targets and weights of a part, as they are trained and measured."""
    x = prepare(rows[f"x_{{part}}"], fitted)
    y = np.ascontiguousarray({scaled}, "float32")
    weight = rows[f"weight_{{part}}"].astype("float32") if f"weight_{{part}}" in rows else None
    return x, y, weight

{_class_weights(export)}
def score(model, rows, fitted):
    """The objective on the validation part."""
    x, _, weight = part_of(rows, "validation", fitted)
    truth, outputs = rows["y_validation"].astype("float64"), predict(model, x).astype("float64")
    if not np.isfinite(outputs).all():
        return float("nan")
    return {recipe.metric}(truth, {snippets.scores_text(recipe)}, weight, TASK)


def train(rows, fitted):
    """The trained model."""
    model = make_model()
    x, y, weight = part_of(rows, "train", fitted)
{balance}{steps}{measure}    options = {{"batch_size": BATCH_SIZE, "callbacks": {callbacks}, "verbose": 0}}
    if ORDER == "keras":
        model.fit(x, y, sample_weight=weight, epochs=EPOCHS, **options)
        return model
    random = np.random.default_rng(SEED)
    for epoch in range(EPOCHS):
        order = random.permutation(len(x))
        given = {{"x": x[order], "y": y[order], "sample_weight": None if weight is None else weight[order]}}
        model.fit(**given, initial_epoch=epoch, epochs=epoch + 1, shuffle=False, **options)
    return model


def main():
    """Read the rows, train on each split, print the score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", help="the .npz file with the rows")
    parser.add_argument("--save", metavar="FILE", help="where to save the trained model, .keras")
    given = parser.parse_args()
    with np.load(given.rows) as file:
        arrays = dict(file)
    found = []
    for number, fitted in enumerate(FITTED, start=1):
        end = "" if len(FITTED) == 1 else f"_{{number}}"
        rows = {{name.removesuffix(end): array for name, array in arrays.items() if name.endswith(end)}}
        keras.backend.clear_session()
        model = train(rows, fitted)
        found.append(score(model, rows, fitted))
    if given.save:
        model.save(given.save)
    value = sum(found) / len(found)
    print(f"validation {recipe.metric} {{value:.6f}}, recorded {{RECORDED:.6f}}, difference {{value - RECORDED:+.6f}}")


if __name__ == "__main__":
    main()
'''


def _class_weights(export: Export) -> str:
    if not export.recipe.class_weight:
        return ""
    labels = "y.argmax(axis=1)" if export.recipe.task is Task.MULTICLASS else "y[:, 0].astype(int)"
    return f'''
def with_class_weights(y, weight):
    """The weight of each row: that of the data times that of its class."""
    labels = {labels}
    by_class = np.array([CLASS_WEIGHT.get(k, 1.0) for k in range(int(labels.max()) + 1)], "float32")
    return by_class[labels] if weight is None else weight * by_class[labels]

'''
