"""A key of the object store that may use one bucket: `python -m db.storage.provision`, for MinIO and its forks.

As the root user of the server (S3_ROOT_USER, S3_ROOT_PASSWORD), it creates the bucket, a policy for it, and the user of
S3_ACCESS_KEY and S3_SECRET_KEY with that policy. Safe to repeat.
"""

from typing import Any, Final

from minio import Minio, MinioAdmin
from minio.credentials import StaticProvider

from db.settings import RootStorageSettings, StorageSettings

# What `S3Storage` does. Buckets are neither created nor deleted with this key.
BUCKET_ACTIONS: Final = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads")
OBJECT_ACTIONS: Final = (
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
)


def policy(bucket: str) -> dict[str, Any]:
    """The policy of a key that may use this bucket only."""

    def allow(actions: tuple[str, ...], resource: str) -> dict[str, Any]:
        return {"Effect": "Allow", "Action": list(actions), "Resource": [f"arn:aws:s3:::{resource}"]}

    statements = [allow(BUCKET_ACTIONS, bucket), allow(OBJECT_ACTIONS, f"{bucket}/*")]
    return {"Version": "2012-10-17", "Statement": statements}


def provision(settings: StorageSettings, root: RootStorageSettings) -> None:
    """Create or update bucket, policy and user. Raises ValueError, or an error of the minio SDK."""
    if settings.s3_endpoint is None:
        raise ValueError("set S3_ENDPOINT")
    if settings.s3_access_key == root.s3_root_user:
        raise ValueError("S3_ACCESS_KEY must not be S3_ROOT_USER: the root user may do everything")
    scheme, _, host = settings.s3_endpoint.rpartition("://")
    secure = scheme == "https" if scheme else settings.s3_secure
    user, password = root.s3_root_user, root.s3_root_password.get_secret_value()
    client = Minio(host, user, password, secure=secure, region=settings.s3_region)
    if not client.bucket_exists(settings.s3_bucket):
        client.make_bucket(settings.s3_bucket, settings.s3_region)
    admin = MinioAdmin(
        endpoint=host, credentials=StaticProvider(user, password), region=settings.s3_region, secure=secure
    )
    name = f"{settings.s3_bucket}-objects"
    admin.policy_add(name, policy=policy(settings.s3_bucket))
    admin.user_add(settings.s3_access_key, settings.s3_secret_key.get_secret_value())
    admin.policy_set(name, user=settings.s3_access_key)


if __name__ == "__main__":
    provision(StorageSettings(), RootStorageSettings())
