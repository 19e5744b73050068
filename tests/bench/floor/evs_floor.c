// SPDX-License-Identifier: GPL-2.0-only
/*
 * What xts(aes) itself costs: the floor of the benchmark
 *
 * Encrypts and decrypts one contiguous data unit in a tight loop when loaded,
 * with the cipher that dm-crypt would get, and leaves the time of one call, the
 * median of some rounds, in its parameters.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <crypto/skcipher.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/sort.h>

#define FLOOR_UNIT	4096
#define FLOOR_KEY	64
#define FLOOR_ROUNDS	9
#define FLOOR_CALLS	500

static char *driver;
module_param(driver, charp, 0444);
MODULE_PARM_DESC(driver, "Implementation of xts(aes) that was measured (output)");

static unsigned long encrypt_ns;
module_param(encrypt_ns, ulong, 0444);
MODULE_PARM_DESC(encrypt_ns, "Nanoseconds to encrypt 4096 bytes (output)");

static unsigned long decrypt_ns;
module_param(decrypt_ns, ulong, 0444);
MODULE_PARM_DESC(decrypt_ns, "Nanoseconds to decrypt 4096 bytes (output)");

static char driver_name[CRYPTO_MAX_ALG_NAME];

static int floor_cmp(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static int floor_measure(struct skcipher_request *req, bool encrypt,
			 unsigned long *result)
{
	DECLARE_CRYPTO_WAIT(wait);
	u64 rounds[FLOOR_ROUNDS];
	struct scatterlist *sg = req->src;
	unsigned int round, call;
	__le64 iv[2];
	int err;

	skcipher_request_set_callback(req, CRYPTO_TFM_REQ_MAY_SLEEP |
				      CRYPTO_TFM_REQ_MAY_BACKLOG,
				      crypto_req_done, &wait);
	for (round = 0; round < FLOOR_ROUNDS; round++) {
		u64 start = ktime_get_ns();

		for (call = 0; call < FLOOR_CALLS; call++) {
			iv[0] = cpu_to_le64(call);
			iv[1] = 0;
			skcipher_request_set_crypt(req, sg, sg, FLOOR_UNIT, iv);
			err = encrypt ? crypto_skcipher_encrypt(req) :
					crypto_skcipher_decrypt(req);
			err = crypto_wait_req(err, &wait);
			if (err)
				return err;
		}
		rounds[round] = ktime_get_ns() - start;
	}

	sort(rounds, FLOOR_ROUNDS, sizeof(rounds[0]), floor_cmp, NULL);
	*result = div_u64(rounds[FLOOR_ROUNDS / 2], FLOOR_CALLS);
	return 0;
}

static int floor_run(struct crypto_skcipher *tfm, u8 *unit)
{
	struct skcipher_request *req;
	struct scatterlist sg;
	u8 key[FLOOR_KEY];
	int err;

	get_random_bytes(key, sizeof(key));
	err = crypto_skcipher_setkey(tfm, key, sizeof(key));
	if (err)
		return err;

	req = skcipher_request_alloc(tfm, GFP_KERNEL);
	if (!req)
		return -ENOMEM;

	sg_init_one(&sg, unit, FLOOR_UNIT);
	req->src = &sg;
	err = floor_measure(req, true, &encrypt_ns);
	if (!err)
		err = floor_measure(req, false, &decrypt_ns);

	skcipher_request_free(req);
	return err;
}

static int __init floor_init(void)
{
	struct crypto_skcipher *tfm;
	u8 *unit;
	int err;

	tfm = crypto_alloc_skcipher("xts(aes)", 0, CRYPTO_ALG_ALLOCATES_MEMORY);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);

	strscpy(driver_name,
		crypto_tfm_alg_driver_name(crypto_skcipher_tfm(tfm)),
		sizeof(driver_name));
	driver = driver_name;

	err = -ENOMEM;
	unit = (u8 *)get_zeroed_page(GFP_KERNEL);
	if (unit)
		err = floor_run(tfm, unit);

	free_page((unsigned long)unit);
	crypto_free_skcipher(tfm);
	return err;
}
module_init(floor_init);

static void __exit floor_exit(void)
{
}
module_exit(floor_exit);

MODULE_DESCRIPTION("Time that xts(aes) takes, for the benchmark of EVS");
MODULE_LICENSE("GPL");
