/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Annotations after a parameter list that spatch cannot parse: it would skip the
 * functions that carry them, and say nothing. More than what is needed here makes
 * other parses fail.
 */
#define __context_unsafe(x)
#define __cond_acquires(x, y)
