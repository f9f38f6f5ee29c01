// Made by kernels/tools/fit.py. Highest powers first.
#pragma once
// exp(x) from -0.3466 to 0.3466, within 2.0e-09
static const float EXP[7] = {1.39411084e-03f, 8.37512640e-03f, 4.16663529e-02f, 1.66664155e-01f, 5.00000005e-01f, 1.00000004e+00f, 1.00000000e+00f};
// erf(√t) / √t from 0 to 1, within 1.2e-09
static const float ERF[7] = {7.87587506e-05f, -8.01686429e-04f, 5.18908742e-03f, -2.68542120e-02f, 1.12835947e-01f, -3.76126267e-01f, 1.12837917e+00f};
// log(erfc(x)) from 1 to 6, within 2.0e-08
static const float LOG_ERFC[12] = {3.97664639e-10f, -9.22355493e-09f, -3.55616127e-08f, 4.00920037e-06f, -7.26678096e-05f, 7.51719246e-04f, -5.31029872e-03f, 2.76783560e-02f, -1.11930010e-01f, -6.30132918e-01f, -1.13110808e+00f, 5.14445881e-04f};
// tanh(√t) / √t from 0 to 0.4, within 4.5e-09
static const float TANH[6] = {-5.59978504e-03f, 2.05369720e-02f, -5.37042774e-02f, 1.33309172e-01f, -3.33332514e-01f, 9.99999995e-01f};
