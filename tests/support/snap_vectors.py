"""Signatures that others have published, each of them verified here; and one of our own, for bodies that are easily changed."""

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

PUBLIC_KEY_PEM = """-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAlWbtlh3eM+bW3n5AFj42
wddC4L7tQqbLiCFbTv8K67yng9iwK5mEn+UMXiRhvB2JVWFafCPPxFamsiVG3Mjn
eGjC0BYgmpmw4qXnAnyO3nCdCuPtmZ3ljhKvSTPdWZxrcLi1Xa9V/+Pzb8hrjb5i
wMn6SZFNeMmZYgFKiSeueo6TPln2PoTqXCzs1HtsM8eUVe8GAsjJe/3dYl992nyX
OpG21GgNu8o5T3WOptPg6GdDTWkTWUu483yRbVVy04Pz4L8DDZTDv+WcsAViDn1r
A/jB1Auj/UGKx2ovGcBH/a/hor5TbABbODU6cPTHT54K3sSZtvZNV4eFDB1f/4wd
fwIDAQAB
-----END PUBLIC KEY-----
"""
TOKEN_SIGNATURE = (
    "WzW49tYIgKIBmBi/gVBHGLAkhEaZlXM11zcZxAiyHji6TLPjPbwLu3Z45it25AIeG0XDItcdTSkds47zFEMh6IP0PXPIP1+Ey4RmX/o2fuYRF/xBHvfvKnMm"
    "ANMTS1axsXBSW3EHqYpbVrkCcqNnB3u+wu63us9WIhRZaWgxgQ2PJLaiVHIwgu9u7jxkWX7Bg4rerZH3RKdQfIJAAJsSN13efR7VdSAyzU7QaKjgislxrLqm"
    "esYNJkbD03XLjHdo6YWuzAVV7xdZRpLiGkIAkW7luXTBZYBO+4oENZAPQYzrLeN1qRY1Sr7BgLONCA2QA26BB6SYW4R7qofS9+RyOQ=="
)
HMAC_BODY = (
    b'{"partnerReferenceNo":"2020102900000000000001","amount":{"value":"12345678.00","currency":"IDR"},"feeAmount":'
    b'{"value":"12345678.00","currency":"IDR"},"merchantId":"00007100010926","terminalId":"213141251124",'
    b'"validityPeriod":"2009-07-03T12:08:56-07:00"}'
)
HMAC_SIGNATURE = "wmzT7yjg1SxxCsxNsFgCR9SYXiZGGbceF6fV8xe97sAMHxZ+7OEBMIBmvb6Sj6GcksGp3iv77DiomgSbcST3XQ=="
NOTIFY_BODY = (
    b'{"originalPartnerReferenceNo":"GP24043015193402809","originalReferenceNo":"A120240430081940S9vu8gSjaRID","merchantId":'
    b'"G099333790","amount":{"value":"102800.00","currency":"IDR"},"latestTransactionStatus":"00","transactionStatusDesc":'
    b'"SUCCESS","additionalInfo":{"refundHistory":[]}}'
)
NOTIFY_SIGNATURE = (
    "RoJnP2tH/YiOhHM/lMVBMSAuzRmS8VrWdIy04Qqyb56daV7oWFMFoMMzqnjQ+q0MIUalYgU094GWQnCx2c29xb1kkqHhv2+iJ9xl6NjGmFGYqyvcKvUDAV83"
    "Y1Mw9JnsEcjcupdGw9/MRv/mm2GMrQ+BCZGfc4a46JDyPZbcY294vDGqs5rFBN6iYer5ro4cAQGo9hET2G82Y+j50vCyO/79GFE4vB1rvtu6PK2Bxi+vTYV8"
    "k7P7PS8tOPWM2O+kjiVWjwvLR99Botou+a8sxlQqZaihfWMKcByzV+Lgkr9cptpjys+1NIRWT1ad/sJBSLHyldzC3q2oRn5z5oZmyg=="
)
SECOND_NOTIFY_HASH = "2ea1a3719499a0c45630f774b241a26a03d954fd8ab4a4d35cce05b5e37e4293"
SECOND_NOTIFY_SIGNATURE = (
    "eUGsomFLNsjWzehgGsa317MqcVOgscay/Hml8yNmOsFhmoBM7pso+UPDgSe34anXvecSQkf5NOr0fbr8k9qdyyoWiYX7DTq/Wnz8XC0cRCCbNZfyLIyF33HO"
    "9cnvxOcRQq9DuWlQtld+uEluuivVdN2TiaWLpUTmfB/H7noZnXWWDj6FYa4n5kSo4o3aTeFYAF9EmLp0Tcsl8CiHSQCrQnIbB8M2+puLwyJ1l2OocvZ5qgjf"
    "5f2DqlCbemsSMzYzjN+YMrb0kiDx0TiW5UTk+WZass43xIfb3vdrlX+U2JSk5YsJ8lFpp9F+7FId4cyncElNFEbt3zWuP4iDzXteCg=="
)
PADDED_BODY = (
    '{"partnerServiceId":"   98765","customerNo":"0001234567","virtualAccountNo":"   987650001234567","channelCode":6011,'
    '"inquiryRequestId":"INQ-20250701-0001","additionalInfo":{"note":"Kopi susu & roti / café"}}'
).encode()
PADDED_HASH = "1c197ca9272b075e28dae7012fad0041d266621546d51a057338011604e165b3"
PADDED_HASH_OF_PYTHON = "73375803744de0cbf26484eabd74b789b31fc87fc1064ce2adb779ba85457ffc"
PADDED_HASH_OF_PHP = "bc4d11f82f6b810abcdc120b6556bff08891b2063c151b41c038cce70a6f9232"
PADDED_HASH_STRIPPED = "659ae217e16470f88747dc8afd7d027ca8c8647842f5ffb71b8850bcf64f6e07"
PADDED_SECRET, PADDED_TOKEN = "kunci-uji-01", "tkn-7f3a"
PADDED_SIGNATURE = "g24QX2cTwob5AMh2M/c36sB28dLcTh69XkjsIRRCj6y3TmObSd7VwTb5E3UTCgNelBv5y/G9Oe1BwkuNhtLeEw=="
PADDED_SIGNATURE_HEX = "836e105f6713c286f900c87633f737eac076f1d2dc4e1ebd5e48ec2114428facb74e639b49ded5c136f91375130a035e941bf9cbf1bd39ed41c24b8d86d2de13"


def public_key() -> RSAPublicKey:
    key = load_pem_public_key(PUBLIC_KEY_PEM.encode())
    assert isinstance(key, RSAPublicKey)
    return key
