/** What may follow a linear map or a convolution inside the same kernel. GELU is the exact one, with erf. */
export type Activation = 'none' | 'relu' | 'gelu' | 'silu' | 'sigmoid';

/** The number a shader's `override ACTIVATION` takes. */
export const activationCode: Readonly<Record<Activation, number>> = {
  none: 0,
  relu: 1,
  gelu: 2,
  silu: 3,
  sigmoid: 4,
};
