import type { Dtype } from '../dtype.ts';
import { swiglu } from '../ops/elementwise.ts';
import type { Epilogue } from '../ops/linear.ts';
import type { Tensor } from '../tensor.ts';
import type { Weights } from '../weights.ts';
import { Linear } from './linear.ts';

/** Features of a token, and of the hidden layer. */
export interface FeedForwardConfig {
  /** F of what comes and of the result. */
  readonly features: number;
  /** Width between the two linear maps. */
  readonly hidden: number;
  /** Storage type of the hidden values, which are the largest of a block. Default: of the weights. */
  readonly hiddenDtype?: Dtype;
}

/** fc2(GELU(fc1(x))) */
export class Mlp {
  readonly hiddenDtype: Dtype;
  readonly fc1: Linear;
  readonly fc2: Linear;

  constructor({ features, hidden, hiddenDtype }: FeedForwardConfig, weights: Weights) {
    this.hiddenDtype = hiddenDtype ?? weights.dtype;
    this.fc1 = new Linear({ in: features, out: hidden }, weights.at('fc1'));
    this.fc2 = new Linear({ in: hidden, out: features }, weights.at('fc2'));
  }

  /** x [..., features] → [..., features]; the epilogue follows fc2 */
  forward(x: Tensor, epilogue?: Epilogue): Tensor {
    const hidden = this.fc1.forward(x, { activation: 'gelu', dtype: this.hiddenDtype });
    return this.fc2.forward(hidden, epilogue);
  }
}

/** project(SiLU(gate(x)) · value(x)): arXiv 2002.05202. `gate_and_value` holds both maps, the gate's rows first. */
export class SwiGlu {
  readonly hiddenDtype: Dtype;
  readonly gateAndValue: Linear;
  readonly project: Linear;

  constructor({ features, hidden, hiddenDtype }: FeedForwardConfig, weights: Weights) {
    this.hiddenDtype = hiddenDtype ?? weights.dtype;
    const gateAndValue = weights.at('gate_and_value');
    this.gateAndValue = new Linear({ in: features, out: 2 * hidden }, gateAndValue);
    this.project = new Linear({ in: hidden, out: features }, weights.at('project'));
  }

  /** x [..., features] → [..., features]; the epilogue follows the projection */
  forward(x: Tensor, epilogue?: Epilogue): Tensor {
    const gateAndValue = this.gateAndValue.forward(x, { dtype: this.hiddenDtype });
    return this.project.forward(swiglu(gateAndValue), epilogue);
  }
}
