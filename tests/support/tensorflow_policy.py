"""A controller's policy written in TensorFlow's own operations, one step of the LSTM after another."""


def objective(tf, model, ticks, view, tokens, contexts, token_weight, entropy_weight):
    """``sum(token_weight * log_prob + entropy_weight * entropy)``.

    Args:
        tf: TensorFlow.
        model: The policy that is checked, for its settings.
        ticks: The steps read off each step of the LSTM.
        view: Its weights by name, as variables.
        tokens: ``[rows, steps]``.
        contexts: ``[rows]``.
        token_weight: ``[rows, steps]``.
        entropy_weight: ``[rows, steps]``.
    """
    steps, total, outputs = model.steps, tf.constant(0.0, tf.float64), []
    cell = output = tf.zeros((len(tokens), model.hidden), tf.float64)
    x = tf.gather(view["start"], contexts)
    tick_of = {step: tick for tick, some in enumerate(ticks) for step in some}
    groups, kinds, plain = {}, {}, 0
    for some in ticks:
        i, f, g, o = tf.split(x @ view["kernel"] + output @ view["recurrent"] + view["bias"], 4, axis=1)
        cell = tf.sigmoid(f) * cell + tf.sigmoid(i) * tf.tanh(g)
        output = tf.sigmoid(o) * tf.tanh(cell)
        outputs.append(output)
        read, taken = tf.zeros_like(output), tf.ones(len(tokens), tf.float64)
        for step in some:
            size, points, tag, chosen = steps.sizes[step], steps.points(step), steps.tags[step], tokens[:, step]
            if points:
                kind = kinds.setdefault(tag, len(kinds))
                yes_no = size == 2 and len(points) == 1
                learned = view["learned"][kind, : 0 if yes_no else size - len(points)]
                anchors = [tf.repeat(one[None], len(tokens), axis=0) for one in learned]
                anchors += [outputs[tick_of[point] + 1] for point in points]
                query = output @ view["query"][kind]
                scores = [
                    tf.reduce_sum(view["score"][kind] * tf.tanh(anchor @ view["key"][kind] + query), axis=1)
                    for anchor in anchors
                ]
                logits = tf.stack([-scores[0], scores[0]] if yes_no else scores, axis=1)
                if yes_no:
                    read += tf.cast(chosen == 1, tf.float64)[:, None] * anchors[0]
                    taken += tf.cast(chosen == 1, tf.float64)
                else:
                    read = tf.gather(tf.stack(anchors, axis=1), chosen, batch_dims=1)
                x = (read / taken[:, None]) @ view["read"][kind]
            else:
                name = tag if model.share == "tag" else steps.names[step]
                group = groups.setdefault((name, size), len(groups))
                logits = (output @ view["head"][group])[:, :size] + view["head_bias"][plain, :size]
                x = tf.gather(view["embed"][group], chosen)
                plain += 1
            logits /= model.temperature
            if model.tanh_constant:
                logits = model.tanh_constant * tf.tanh(logits)
            log_probs = tf.nn.log_softmax(logits)
            entropy = -tf.reduce_sum(tf.exp(log_probs) * log_probs, axis=1)
            picked = tf.gather(log_probs, chosen, batch_dims=1)
            total += tf.reduce_sum(token_weight[:, step] * picked + entropy_weight[:, step] * entropy)
    return total


def gradients(tf, model, ticks, weights, *given):
    """The objective's value and its gradient by each weight's name, by TensorFlow's autodiff."""
    view = {name: tf.Variable(array) for name, array in model.views(weights).items()}
    with tf.GradientTape() as tape:
        total = objective(tf, model, ticks, view, *given)
    return float(total), {
        name: tf.convert_to_tensor(gradient).numpy()
        for name, gradient in tape.gradient(total, view, unconnected_gradients="zero").items()
    }
